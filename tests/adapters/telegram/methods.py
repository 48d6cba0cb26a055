"""The methods of the fake Bot API, and the chats that they work on."""

import time
from itertools import count
from typing import Any

from attrs import define, field

from tests.adapters.telegram.http import Upload
from tests.adapters.telegram.rules import (
    CAPTION,
    MOST_BYTES,
    MOST_PHOTO_BYTES,
    REACTIONS,
    Refusal,
    bad_request,
    checked_entities,
    checked_markup,
    checked_text,
    checked_webhook,
)

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def now() -> int:
    return int(time.time())


@define(eq=False)
class Methods:
    """One bot's world. A method raises ``Refusal`` as the server answers it."""

    token: str = TOKEN
    username: str = "hermes_bot"
    chats: dict[int, list[dict[str, Any]]] = field(factory=dict[int, list[dict[str, Any]]])
    """Every message by chat, the bot's and others'."""
    blocked: set[int] = field(factory=set[int])
    gone: set[int] = field(factory=set[int])
    migrated: dict[int, int] = field(factory=dict[int, int])
    pending: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    """Updates that were not confirmed."""
    webhook: str = ""
    webhook_asked: dict[str, Any] = field(factory=dict[str, Any])
    """How it was set."""
    webhook_error: str = ""
    """What the last failed try to hand an update over was told."""
    commands: list[dict[str, str]] = field(factory=list[dict[str, str]])
    files: dict[str, bytes] = field(factory=dict[str, bytes])
    pressed: dict[str, str] = field(factory=dict[str, str])
    """What was told after a press, by its query."""
    queries: set[str] = field(factory=set[str])
    reactions: dict[tuple[int, int], list[str]] = field(factory=dict[tuple[int, int], list[str]])
    """What the bot showed on each message, one after the other."""
    message_ids: "count[int]" = field(factory=lambda: count(1))

    @property
    def bot_id(self) -> int:
        return int(self.token.partition(":")[0])

    def me(self) -> dict[str, Any]:
        return {"id": self.bot_id, "is_bot": True, "first_name": "Hermes", "username": self.username}

    def _do_getMe(self, asked: dict[str, Any]) -> Any:
        return {
            **self.me(),
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def _do_deleteWebhook(self, asked: dict[str, Any]) -> Any:
        self.webhook = ""
        if asked.get("drop_pending_updates"):
            self.pending.clear()
        return True

    def _do_setWebhook(self, asked: dict[str, Any]) -> Any:
        self.webhook = checked_webhook(asked)
        self.webhook_asked = asked
        if asked.get("drop_pending_updates"):
            self.pending.clear()
        return True

    def _do_getWebhookInfo(self, asked: dict[str, Any]) -> Any:
        error = {"last_error_date": now(), "last_error_message": self.webhook_error} if self.webhook_error else {}
        known = {"url": self.webhook, "has_custom_certificate": False, "pending_update_count": len(self.pending)}
        return known | error

    def _do_setMyCommands(self, asked: dict[str, Any]) -> Any:
        self.commands = asked["commands"]
        return True

    def _do_sendChatAction(self, asked: dict[str, Any]) -> Any:
        self._chat(asked)
        return True

    def _do_answerCallbackQuery(self, asked: dict[str, Any]) -> Any:
        if asked["callback_query_id"] not in self.queries:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        self.pressed[asked["callback_query_id"]] = asked.get("text", "")
        return True

    def _do_sendMessage(self, asked: dict[str, Any]) -> Any:
        chat = self._chat(asked)
        text = checked_text(asked.get("text"))
        entities = checked_entities(asked.get("entities"), text)
        return self._put(chat, asked, text=text, **({"entities": entities} if entities else {}))

    def _do_editMessageText(self, asked: dict[str, Any]) -> Any:
        message = self._own(asked, "message to edit not found")
        text = checked_text(asked.get("text"))
        changed = {
            "text": text,
            "entities": checked_entities(asked.get("entities"), text),
            "reply_markup": checked_markup(asked.get("reply_markup")),
        }
        if all((message.get(name) or None) == (value or None) for name, value in changed.items()):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message"
            )
        message.update(changed, edit_date=now())
        return message

    def _do_editMessageReplyMarkup(self, asked: dict[str, Any]) -> Any:
        message = self._own(asked, "message to edit not found")
        markup = checked_markup(asked.get("reply_markup"))
        if (message.get("reply_markup") or None) == markup:
            raise bad_request("message is not modified")
        message["reply_markup"] = markup
        return message

    def _do_setMessageReaction(self, asked: dict[str, Any]) -> Any:
        chat = self._chat(asked)
        if all(message["message_id"] != asked["message_id"] for message in self.chats.get(chat, [])):
            raise bad_request("message to react not found")
        emojis = [reaction["emoji"] for reaction in asked.get("reaction") or []]
        if len(emojis) > 1 or not set(emojis) <= REACTIONS:
            raise bad_request("REACTION_INVALID")
        self.reactions.setdefault((chat, asked["message_id"]), []).append("".join(emojis))
        return True

    def _do_getFile(self, asked: dict[str, Any]) -> Any:
        file_id = asked["file_id"]
        if file_id not in self.files:
            raise bad_request("invalid file_id")
        return {
            "file_id": file_id,
            "file_unique_id": f"u{file_id}",
            "file_size": len(self.files[file_id]),
            "file_path": f"files/{file_id}",
        }

    def _send_file(self, asked: dict[str, Any], kind: str) -> Any:
        chat = self._chat(asked)
        upload = asked.get(kind)
        if not isinstance(upload, Upload):
            raise bad_request(f"there is no {kind} in the request")
        caption = asked.get("caption")
        more = {"caption": checked_text(caption, CAPTION)} if caption else {}
        if len(upload.content) > MOST_BYTES:
            raise Refusal(413, "Request Entity Too Large")
        if kind == "photo" and len(upload.content) > MOST_PHOTO_BYTES:
            raise bad_request("file is too big for a photo")
        if not upload.content:
            raise bad_request("file must be non-empty")
        return self._put(chat, asked, text="", **{f"sent_{kind}": (upload.name, upload.content)}, **more)

    def _do_sendPhoto(self, asked: dict[str, Any]) -> Any:
        return self._send_file(asked, "photo")

    def _do_sendDocument(self, asked: dict[str, Any]) -> Any:
        return self._send_file(asked, "document")

    def _do_sendVoice(self, asked: dict[str, Any]) -> Any:
        return self._send_file(asked, "voice")

    def _do_sendAudio(self, asked: dict[str, Any]) -> Any:
        return self._send_file(asked, "audio")

    def _do_sendAnimation(self, asked: dict[str, Any]) -> Any:
        return self._send_file(asked, "animation")

    def _do_sendVideo(self, asked: dict[str, Any]) -> Any:
        return self._send_file(asked, "video")

    def _chat(self, asked: dict[str, Any]) -> int:
        chat = asked.get("chat_id")
        if chat in self.migrated:
            raise Refusal(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.migrated[chat],
            )
        if chat in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if not isinstance(chat, int) or chat in self.gone:
            raise bad_request("chat not found")
        return chat

    def _own(self, asked: dict[str, Any], missing: str) -> dict[str, Any]:
        chat = self._chat(asked)
        found = next((m for m in self.chats.get(chat, []) if m["message_id"] == asked["message_id"]), None)
        if found is None:
            raise bad_request(missing)
        if found["from"]["id"] != self.bot_id:
            raise bad_request("message can't be edited")
        return found

    def _put(self, chat: int, asked: dict[str, Any], **more: Any) -> dict[str, Any]:
        markup = checked_markup(asked.get("reply_markup"))
        made = {
            "message_id": next(self.message_ids),
            "date": now(),
            "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup", "title": "G"},
            "from": self.me(),
            **more,
        }
        if markup:
            made |= {"reply_markup": markup, "sent_buttons": True}
        if thread := asked.get("message_thread_id"):
            made |= {"message_thread_id": thread, "is_topic_message": True}
        if reply := asked.get("reply_parameters"):
            known = any(m["message_id"] == reply["message_id"] for m in self.chats.get(chat, []))
            if not known and not reply.get("allow_sending_without_reply"):
                raise bad_request("message to be replied not found")
            made |= {"replies_to": reply["message_id"]} if known else {}
        self.chats.setdefault(chat, []).append(made)
        return {name: value for name, value in made.items() if not name.startswith(("sent_", "replies_"))}
