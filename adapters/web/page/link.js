// The connection to the gateway: one websocket, opened again whenever it ends, with a state that says what is known and no more.
//
// Events: "state" (detail {state, seconds, why}; why: the reason why we are not served, or ""), "open" (a new connection: say
// hello), "frame" (detail: the frame).
// States: "connecting", "online" (a chat was drawn over this connection), "offline", "locked" (the key is wanted).

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;
const PING_EVERY = 20000;
const PONG_WITHIN = 10000;

export class Link extends EventTarget {
  #socket = null;
  #state = "connecting";
  #attempts = 0;
  #pings = 0;
  #opening = 0;
  #why = "";
  #timers = { retry: 0, ping: 0, pong: 0, countdown: 0 };

  get state() {
    return this.#state;
  }

  /** Connect now, whatever was planned. */
  async open() {
    this.#forget();
    this.#become("connecting");
    this.#opening += 1;
    const opening = this.#opening;
    const allowed = await this.#allowed();
    if (opening !== this.#opening) return;
    if (allowed === null) this.#retry();
    else if (!allowed) this.#become("locked");
    else this.#connect();
  }

  /** The key was given. */
  unlock() {
    this.#attempts = 0;
    return this.open();
  }

  /** Send a frame; false when there is no connection to take it. */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Whether we may speak to the gateway; null when it cannot be asked. A websocket's refusal would tell no reason. */
  async #allowed() {
    try {
      const answer = await fetch("/api/commands", { cache: "no-store", signal: AbortSignal.timeout(PONG_WITHIN) });
      this.#why = answer.status === 403 ? (await answer.json()).error : "";
      if (answer.status === 401) return false;
      if (!answer.ok) return null;
      this.dispatchEvent(new CustomEvent("commands", { detail: (await answer.json()).commands }));
      return true;
    } catch {
      this.#why = "";
      return null;
    }
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      if (socket !== this.#socket) return;
      this.#timers.ping = setInterval(() => this.#ping(), PING_EVERY);
      this.#ping();
      this.dispatchEvent(new Event("open"));
    });
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#take(data));
    socket.addEventListener("close", () => socket === this.#socket && this.#retry());
  }

  #take(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    clearTimeout(this.#timers.pong);
    // A pong alone proves a connection, but not that there is anything behind it.
    if (this.#state !== "online" && frame.type === "snapshot") {
      this.#attempts = 0;
      this.#become("online");
    }
    this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  #ping() {
    this.#pings += 1;
    this.send({ type: "ping", n: this.#pings });
    clearTimeout(this.#timers.pong);
    this.#timers.pong = setTimeout(() => this.#retry(), PONG_WITHIN);
  }

  #retry() {
    this.#forget();
    const longest = Math.min(FIRST_WAIT * 2 ** this.#attempts, LONGEST_WAIT);
    const wait = longest * (0.5 + Math.random() / 2);
    this.#attempts += 1;
    const until = Date.now() + wait;
    const tell = () => this.#become("offline", Math.max(1, Math.ceil((until - Date.now()) / 1000)));
    tell();
    this.#timers.countdown = setInterval(tell, 1000);
    this.#timers.retry = setTimeout(() => this.open(), wait);
  }

  #forget() {
    clearTimeout(this.#timers.retry);
    clearTimeout(this.#timers.pong);
    clearInterval(this.#timers.ping);
    clearInterval(this.#timers.countdown);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #become(state, seconds = 0) {
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, seconds, why: this.#why } }));
  }
}
