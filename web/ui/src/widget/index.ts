/**
 * `<click-to-call token="…">`: a call button for any web site.
 *
 * Attributes: `token` (from POST /click-to-call/tokens; good for one call within two minutes), or `token-url` (an address of the
 * site that is asked at the click and answers `{"token": …}`), `captcha` (what a captcha of the page says), `server` (default: where this script came from), `lang` (`zh…` or anything
 * else for English; default: the page's), `to-label` (the button's text), `name` (the visitor's, if the site knows it). Each `data-*`
 * attribute and the page's address and title reach the agent. CSS variable `--click-to-call-color`. Event `call-state` with
 * `detail.state`.
 */

import { WidgetCall, type Phase, type Told } from "./call";
import { widgetSheet } from "./style";
import { textFor, type Failure, type Text } from "./text";

const SCRIPT = document.currentScript instanceof HTMLScriptElement ? document.currentScript.src : location.href;
const KEYS = "123456789*0#";
const MAX_VALUE = 500;
/** Test and framework attributes that say nothing to an agent. */
const NOT_CONTEXT = /^(testid$|v[A-Z-])/;

const HANDSET =
  '<svg width="26" height="26" viewBox="0 0 24 24" fill="currentColor" aria-hidden="true"><path d="M6.600 10.800a15.100 15.100 0 0 0 6.600 6.600l2.200-2.200a1 1 0 0 1 1-.24 11.400 11.400 0 0 0 3.600.57 1 1 0 0 1 1 1V20a1 1 0 0 1-1 1A17 17 0 0 1 3 4a1 1 0 0 1 1-1h3.500a1 1 0 0 1 1 1c0 1.250.2 2.450.57 3.570a1 1 0 0 1-.25 1z"/></svg>';

const clock = (ms: number): string => {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

type Attributes = Record<string, string | ((event: Event) => void) | boolean>;

/** An element with attributes, listeners (functions are clicks) and children; text is never parsed as HTML. */
function make(tag: string, attributes: Attributes, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener("click", value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

class ClickToCall extends HTMLElement {
  static readonly observedAttributes = ["lang", "to-label"];
  private readonly root = this.attachShadow({ mode: "open" });
  private readonly audio = make("audio", { "data-testid": "widget-audio" }) as HTMLAudioElement;
  private readonly view = make("div", {});
  private call: WidgetCall | null = null;
  private phase: Phase = "idle";
  private position = 0;
  private failure: Failure | null = null;
  private keypad: boolean | null = null;
  private muted = false;
  private talkingSince = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  connectedCallback(): void {
    this.root.adoptedStyleSheets = [widgetSheet()];
    this.audio.autoplay = true;
    this.root.replaceChildren(this.view, this.audio);
    this.render();
  }

  disconnectedCallback(): void {
    this.call?.hangUp();
    clearInterval(this.timer);
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.render();
  }

  private get text(): Text {
    return textFor(this.getAttribute("lang") || document.documentElement.lang || navigator.language);
  }

  private get server(): string {
    return new URL(this.getAttribute("server") || SCRIPT, location.href).origin;
  }

  /** What reaches the agent's screen. */
  private context(): Record<string, string> {
    const context: Record<string, string> = { page: location.href.slice(0, MAX_VALUE), title: document.title.slice(0, MAX_VALUE) };
    for (const [key, value] of Object.entries(this.dataset)) {
      if (value !== undefined && !NOT_CONTEXT.test(key)) context[key] = value.slice(0, MAX_VALUE);
    }
    return context;
  }

  /** A token is good for one call: with `token-url` there is a fresh one for each. */
  private async token(): Promise<string> {
    const url = this.getAttribute("token-url");
    if (!url) return this.getAttribute("token") ?? "";
    const reply = await fetch(url, { cache: "no-store", headers: { Accept: "application/json" } });
    const found = (await reply.json()) as { token?: unknown };
    if (!reply.ok || typeof found.token !== "string") throw new Error("no token");
    return found.token;
  }

  private start(): void {
    this.failure = null;
    this.keypad = null;
    this.muted = false;
    this.position = 0;
    this.talkingSince = 0;
    const call = new WidgetCall(this.server, this.token(), this.audio, (told) => {
      if (this.call === call) this.told(told);
    });
    this.call = call;
    void call.start(this.context(), this.getAttribute("name") ?? "", this.getAttribute("captcha") ?? "");
  }

  private told({ phase, position, failure }: Told): void {
    const before = this.phase;
    this.phase = phase;
    this.position = position ?? (phase === "waiting" ? this.position : 0);
    this.failure = failure ?? null;
    if (phase === "talking" && !this.talkingSince) this.talkingSince = Date.now();
    clearInterval(this.timer);
    if (phase === "talking" || phase === "held") this.timer = setInterval(() => this.tick(), 500);
    if (phase === "ended") this.call = null;
    this.render();
    if (before !== phase) this.dispatchEvent(new CustomEvent("call-state", { detail: { state: phase, failure }, bubbles: true }));
  }

  private tick(): void {
    const time = this.view.querySelector("time");
    if (time) time.textContent = clock(Date.now() - this.talkingSince);
  }

  private render(): void {
    const focused = this.root.activeElement?.getAttribute("data-testid");
    this.view.replaceChildren(this.phase === "idle" ? this.button() : this.panel());
    if (focused) this.view.querySelector<HTMLElement>(`[data-testid="${focused}"]`)?.focus();
  }

  private button(): HTMLElement {
    const label = this.getAttribute("to-label") || this.text.call;
    const button = make("button", { class: "call", type: "button", "data-testid": "widget-call", onclick: () => this.start() });
    button.innerHTML = HANDSET;
    button.append(make("span", {}, make("b", {}, label), make("small", {}, this.text.caption)));
    return button;
  }

  private panel(): HTMLElement {
    const parts: Node[] = [this.head()];
    if (this.failure) {
      parts.push(make("p", { class: "bad", role: "alert", "data-testid": "widget-error" }, this.text.errors[this.failure]));
    }
    if (this.showsKeypad()) parts.push(this.pad());
    parts.push(this.controls());
    return make("div", { class: `panel ${this.phase}`, "data-testid": "widget-panel", "data-state": this.phase }, ...parts);
  }

  private head(): HTMLElement {
    const words: Partial<Record<Phase, string>> = {
      connecting: this.text.connecting,
      ringing: this.text.ringing,
      ivr: this.text.menu,
      waiting: this.text.waiting,
      talking: this.text.talking,
      held: this.text.held,
      ended: this.failure && !this.talkingSince ? this.text.failed : this.text.ended,
    };
    const state = make("span", { class: "state", role: "status", "data-testid": "widget-state" }, words[this.phase] ?? "");
    if (this.phase === "waiting" && this.position > 0) {
      state.append(make("span", { class: "sub", "data-testid": "widget-position" }, this.text.position(this.position)));
    }
    const time = make("time", { "data-testid": "widget-timer" }, clock(this.talkingSince ? Date.now() - this.talkingSince : 0));
    return make("div", { class: "head" }, make("span", { class: "dot" }), state, ...(this.talkingSince ? [time] : []));
  }

  /** In a menu the keys are there at once; elsewhere on request. */
  private showsKeypad(): boolean {
    if (this.phase === "ended" || this.phase === "connecting") return false;
    return this.keypad ?? this.phase === "ivr";
  }

  private pad(): HTMLElement {
    const keys = [...KEYS].map((key) =>
      make("button", { type: "button", "data-testid": `widget-key-${key}`, press: () => this.call?.press(key) }, key),
    );
    return make("div", { class: "pad", role: "group", "aria-label": this.text.keypad, "data-testid": "widget-keypad" }, ...keys);
  }

  private controls(): HTMLElement {
    const { text } = this;
    if (this.phase === "ended") {
      const again = { class: "again", type: "button", "data-testid": "widget-again", press: () => this.start() };
      return make("div", { class: "row" }, make("button", again, text.again));
    }
    const live = this.phase !== "connecting";
    const mute = {
      type: "button",
      class: this.muted ? "on" : "",
      "aria-pressed": String(this.muted),
      "data-testid": "widget-mute",
      press: () => this.toggleMute(),
    };
    const keys = {
      type: "button",
      "aria-expanded": String(this.showsKeypad()),
      "data-testid": "widget-keypad-toggle",
      press: () => this.toggleKeypad(),
    };
    const end = { type: "button", class: "end", "data-testid": "widget-hangup", press: () => this.call?.hangUp() };
    return make(
      "div",
      { class: "row" },
      ...(live ? [make("button", mute, this.muted ? text.unmute : text.mute), make("button", keys, text.keypad)] : []),
      make("button", end, text.hangUp),
    );
  }

  private toggleMute(): void {
    this.muted = !this.muted;
    this.call?.setMuted(this.muted);
    this.render();
  }

  private toggleKeypad(): void {
    this.keypad = !this.showsKeypad();
    this.render();
  }
}

if (!customElements.get("click-to-call")) customElements.define("click-to-call", ClickToCall);
