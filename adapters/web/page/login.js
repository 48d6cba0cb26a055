// The key: asked for when the gateway wants one, traded for a cookie that no script can read.

import { $ } from "/page/dom.js";

export class Login {
  /** `opened()` is called once the key was right; `locked()` tells whether it is wanted. */
  constructor(opened, locked) {
    $("login").addEventListener("cancel", (event) => event.preventDefault());
    // A browser closes it all the same when Escape is pressed twice, and then there would be no way in.
    $("login").addEventListener("close", () => locked() && this.ask());
    $("login-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const problem = await give($("key").value);
      $("login-wrong").textContent = problem;
      if (problem) return;
      $("key").value = "";
      $("login").close();
      opened();
    });
  }

  ask() {
    if (!$("login").open) $("login").showModal();
    $("key").focus();
  }
}

/** What is wrong with the key, or "". */
async function give(key) {
  let answer;
  try {
    answer = await fetch("/api/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key }) });
  } catch {
    return "Hermes cannot be reached.";
  }
  if (answer.ok) return "";
  if (answer.status === 429) return `Too many wrong keys. Try again in ${answer.headers.get("retry-after") ?? "60"} seconds.`;
  return "That is not the key.";
}
