/** One sheet for all widgets of a page; constructed, so that a strict `style-src` of the host page does not block it. */
const CSS = `
:host { display: inline-block; font: 14px/1.45 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  color: #182230; --c: var(--click-to-call-color, #1f5fd0); }
:host([hidden]) { display: none; }
* { box-sizing: border-box; margin: 0; }
button { font: inherit; color: inherit; cursor: pointer; border: 0; background: none; }
button:focus-visible { outline: 3px solid color-mix(in srgb, var(--c) 45%, white); outline-offset: 2px; }
.call { display: inline-flex; align-items: center; gap: 12px; padding: 12px 22px 12px 18px; border-radius: 999px; background: var(--c); color: #fff;
  box-shadow: 0 4px 16px rgb(24 34 48 / 20%); text-align: left; }
.call:hover { filter: brightness(1.08); }
.call b { display: block; font-size: 16px; line-height: 1.25; }
.call small { display: block; font-size: 12px; opacity: .88; }
.panel { width: 264px; padding: 16px; border: 1px solid #e1e6ee; border-radius: 16px; background: #fff; box-shadow: 0 10px 32px rgb(24 34 48 / 16%); }
.head { display: flex; align-items: center; gap: 10px; min-height: 44px; }
.dot { flex: none; width: 10px; height: 10px; border-radius: 50%; background: #d08a15; animation: p 1.2s ease-in-out infinite; }
.talking .dot { background: #14804a; animation: none; }
.ended .dot { background: #97a3b6; animation: none; }
@keyframes p { 50% { opacity: .3; } }
.state { flex: 1; font-weight: 650; }
.sub { display: block; color: #657187; font-size: 12.5px; font-weight: 400; }
time { font-size: 18px; font-weight: 600; font-variant-numeric: tabular-nums; }
.bad { margin-top: 8px; padding: 8px 12px; border-radius: 8px; background: #fdeceb; color: #97211d; font-size: 13px; }
.pad { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; margin-top: 12px; }
.pad button { height: 40px; border: 1px solid #cdd5e1; border-radius: 8px; font-size: 16px; font-weight: 600; }
.pad button:hover { background: #eef2f9; }
.pad button:active { background: #e8f0fd; }
.row { display: flex; gap: 8px; margin-top: 14px; }
.row button { flex: 1; height: 40px; padding: 0 6px; border-radius: 8px; background: #edf0f5; font-weight: 600; white-space: nowrap; }
.row button:hover { background: #e1e6ee; }
.row .on { background: #fdf1dd; color: #7c4500; }
.row .end { background: #c22f2a; color: #fff; }
.row .end:hover { background: #a82723; }
.row .again { background: var(--c); color: #fff; }
@media (prefers-reduced-motion: reduce) { .dot { animation: none; } }
`;

let sheet: CSSStyleSheet | null = null;

export function widgetSheet(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
