import { Window } from "happy-dom";
import { Activity, act, createElement, Fragment, StrictMode } from "react";
import { onTestFinished } from "vitest";

const window = new Window();
// The document alone: `fetch`, signals and blobs stay Node's own.
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
const { createRoot } = await import("react-dom/client");

/** Renders a component that calls a hook, and keeps what the hook gave at each render. */
export async function renderHook<T>(hook: () => T, { strict = false } = {}) {
  const results: T[] = [];
  const Component = () => {
    results.push(hook());
    return null;
  };
  const root = createRoot(window.document.createElement("div") as unknown as Element);
  const show = (mode: "visible" | "hidden") =>
    act(async () => {
      // biome-ignore lint/correctness/noChildrenProp: its type asks for them as a prop
      const component = createElement(Activity, { mode, children: createElement(Component) });
      root.render(createElement(strict ? StrictMode : Fragment, null, component));
    });
  const render = () => show("visible");
  const unmount = () => act(async () => root.unmount());
  onTestFinished(unmount);
  await render();
  return {
    results,
    get now(): T {
      return results.at(-1) as T;
    },
    render,
    /** Keeps its state, but runs its effects no more. */
    hide: () => show("hidden"),
    unmount,
  };
}
