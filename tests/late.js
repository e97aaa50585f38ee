/**
 * What a page hears of later than it happened, comes later still: run before a page's own scripts, this makes it what it
 * is on a machine that has much else to do. What the browser calls at once, such as a click, is left as it is.
 */
(() => {
  "use strict";

  const EVENT = 250;
  const CALL = 150;
  const TYPES = new Set(["change", "close", "hashchange", "pageshow", "popstate", "resize", "scroll", "scrollend", "storage", "toggle", "visibilitychange"]);

  const { setTimeout: wait, requestAnimationFrame: frame, cancelAnimationFrame: cancel, fetch: ask } = window;
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;

  // ---- events that the browser queues: those of a control (`change`) come at once, those of a media query do not

  /** Listener -> what was added in its place. */
  const wrapped = new WeakMap();

  function isLate(target, type) {
    if (type === "change") return target instanceof MediaQueryList;
    if (type === "load") return target instanceof Element;
    return TYPES.has(type);
  }

  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const target = this ?? window;
    if (!listener || !isLate(target, type)) return add.call(target, type, listener, options);
    const signal = typeof options === "object" ? options.signal : null;
    const late =
      wrapped.get(listener) ||
      function (event) {
        wait(() => {
          if (!signal?.aborted && wrapped.has(listener)) (listener.handleEvent || listener).call(this, event);
        }, EVENT);
      };
    wrapped.set(listener, late);
    return add.call(target, type, late, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    const late = listener && isLate(this ?? window, type) ? wrapped.get(listener) : null;
    if (late) wrapped.delete(listener);
    return remove.call(this ?? window, type, late || listener, options);
  };
  const onload = Object.getOwnPropertyDescriptor(HTMLElement.prototype, "onload");
  Object.defineProperty(HTMLScriptElement.prototype, "onload", {
    ...onload,
    set(listener) {
      onload.set.call(this, listener && ((event) => wait(() => listener.call(this, event), CALL)));
    },
  });

  // ---- timers, frames, observers

  window.setTimeout = (act, delay = 0, ...rest) => wait(act, delay + CALL, ...rest);
  /** Frames that are still to be asked for: number -> what stops it. */
  const frames = new Map();
  window.requestAnimationFrame = (act) => {
    const number = wait(() => frames.set(number, frame((time) => frames.delete(number) && act(time))), CALL);
    frames.set(number, 0);
    return number;
  };
  window.cancelAnimationFrame = (number) => {
    clearTimeout(number);
    cancel(frames.get(number));
    frames.delete(number);
  };
  for (const name of ["IntersectionObserver", "ResizeObserver"]) {
    window[name] = class extends window[name] {
      constructor(act, options) {
        super((entries, self) => wait(() => act.call(self, entries, self), CALL), options);
      }
    };
  }

  // ---- answers and what is unpacked

  const late = (made) => new Promise((resolve, reject) => made.then((value) => wait(resolve, CALL, value), (reason) => wait(reject, CALL, reason)));
  window.fetch = (...asked) => late(ask(...asked));
  for (const name of ["json", "text", "arrayBuffer"]) {
    const read = Response.prototype[name];
    Response.prototype[name] = function () {
      return late(read.call(this));
    };
  }
})();
