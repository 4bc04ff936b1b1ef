/** The widget's words, by the `lang` attribute of the element. */

export interface Text {
  call: string;
  caption: string;
  connecting: string;
  ringing: string;
  menu: string;
  waiting: string;
  position: (place: number) => string;
  talking: string;
  held: string;
  ended: string;
  failed: string;
  again: string;
  hangUp: string;
  mute: string;
  unmute: string;
  keypad: string;
  errors: Record<Failure, string>;
}

/** Everything that can go wrong from the visitor's point of view. */
export type Failure = "denied" | "missing" | "busy_microphone" | "insecure" | "expired" | "unreachable" | "busy" | "refused" | "lost";

const EN: Text = {
  call: "Call us",
  caption: "Free call from your browser",
  connecting: "Connecting…",
  ringing: "Ringing…",
  menu: "Listen and choose with the keys",
  waiting: "Waiting for an agent",
  position: (place) => `You are number ${place} in the queue`,
  talking: "Connected",
  held: "One moment, please",
  ended: "The call has ended",
  failed: "The call did not go through",
  again: "Call again",
  hangUp: "Hang up",
  mute: "Mute",
  unmute: "Unmute",
  keypad: "Keypad",
  errors: {
    denied: "The microphone is blocked. Allow it for this page, then call again.",
    missing: "No microphone was found. Plug one in, then call again.",
    busy_microphone: "The microphone is used by another program. Close it, then call again.",
    insecure: "This page must be opened over HTTPS to make calls.",
    expired: "This button is no longer valid. Reload the page, then call again.",
    unreachable: "We cannot be reached at the moment. Check your connection and try again.",
    busy: "All lines are busy. Please try again in a moment.",
    refused: "The call could not be made. Please try again later.",
    lost: "The connection was lost.",
  },
};

const ZH: Text = {
  call: "联系我们",
  caption: "浏览器免费通话",
  connecting: "正在连接…",
  ringing: "正在振铃…",
  menu: "请听语音提示，按键选择",
  waiting: "正在等待座席接听",
  position: (place) => `您排在第 ${place} 位`,
  talking: "通话中",
  held: "请稍候",
  ended: "通话已结束",
  failed: "呼叫未成功",
  again: "再次呼叫",
  hangUp: "挂机",
  mute: "静音",
  unmute: "取消静音",
  keypad: "拨号盘",
  errors: {
    denied: "麦克风被阻止，请允许本页使用麦克风后重新呼叫。",
    missing: "未找到麦克风，请接好后重新呼叫。",
    busy_microphone: "麦克风正被其他程序使用，请关闭后重新呼叫。",
    insecure: "请通过 HTTPS 打开本页后再呼叫。",
    expired: "呼叫按钮已失效，请刷新页面后重新呼叫。",
    unreachable: "暂时无法接通，请检查网络后重试。",
    busy: "线路繁忙，请稍后再试。",
    refused: "呼叫未能建立，请稍后再试。",
    lost: "连接已中断。",
  },
};

export const textFor = (lang: string): Text => (lang.toLowerCase().startsWith("zh") ? ZH : EN);
