// The moment that is looked at: a bar below the views to move through a recording, or the time of a running scheduler.

import { button, el } from "./dom.js";
import { change } from "./address.js";
import { percent } from "./amount.js";

const momentBar = document.getElementById("moment");

// A time of a recording by its seconds since the beginning; with the date if it is not the day of the beginning.
export function clockOf(timeline) {
  const begin = Date.parse(timeline.begin);
  const isShort = timeline.seconds < 60;
  return (seconds) => {
    const time = new Date(begin + seconds * 1000);
    const text = time.toISOString();
    const clock = text.slice(11, isShort ? 23 : 19);
    return timeline.seconds > 86400 ? `${text.slice(5, 10)} ${clock}` : clock;
  };
}

// The end of the interval in which a number of decisions was reached.
export function secondsAt(timeline, at) {
  if (at >= timeline.decisions) return timeline.seconds;
  return (timeline.points.find((point) => point.decisions > at) ?? timeline.points.at(-1))?.seconds ?? 0;
}

// The number of decisions that were made up to a time.
export function decisionsAt(timeline, seconds) {
  return (timeline.points.find((point) => point.seconds >= seconds) ?? timeline.points.at(-1))?.decisions ?? 0;
}

// The moment of the address as a number.
export function momentOf(query, timeline) {
  const at = query.get("at");
  return at === null || !/^\d+$/.test(at) ? timeline.decisions : Math.min(Number(at), timeline.decisions);
}

export function goTo(at, timeline) {
  change({ at: at >= timeline.decisions ? null : at });
}

let momentShown = null;

// Shows the bar of a recording. The slider moves by intervals, the buttons by decisions.
export function showMoment(timeline, query) {
  const at = momentOf(query, timeline);
  const clock = clockOf(timeline);
  if (!momentShown) {
    const text = el("span", { class: "time" });
    const slider = el("input", { type: "range", min: 0, max: timeline.points.length, step: 1, "aria-label": "Moment" });
    const decided = () => {
      const index = Number(slider.value);
      return index === 0 ? 0 : timeline.points[index - 1].decisions;
    };
    // While the slider is dragged, the view follows as fast as it is drawn.
    let timer = null;
    slider.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => goTo(decided(), timeline), 60);
    });
    const step = (by) => () => goTo(Math.max(0, momentOf(new URLSearchParams(location.hash.split("?")[1]), timeline) + by), timeline);
    const back = button("‹", step(-1), { "aria-label": "The decision before", title: "The decision before" });
    const on = button("›", step(1), { "aria-label": "The next decision", title: "The next decision" });
    const end = button("End", () => goTo(timeline.decisions, timeline));
    momentBar.replaceChildren(back, on, slider, text, end);
    momentBar.hidden = false;
    momentShown = { text, slider, back, on, end };
  }
  const seconds = secondsAt(timeline, at);
  const index = at === 0 ? 0 : timeline.points.findIndex((point) => point.decisions >= at) + 1;
  if (document.activeElement !== momentShown.slider) momentShown.slider.value = index;
  const words = `${clock(seconds)} · before decision ${(at + 1).toLocaleString("en")} of ${timeline.decisions.toLocaleString("en")}`;
  momentShown.text.textContent = at >= timeline.decisions ? `${clock(seconds)} · the end` : words;
  momentShown.slider.setAttribute("aria-valuetext", momentShown.text.textContent);
  momentShown.back.disabled = at === 0;
  momentShown.on.disabled = at >= timeline.decisions;
  momentShown.end.disabled = at >= timeline.decisions;
}

// Shows that the page follows a running scheduler. `pause` gets whether it must stop to.
export function showLive(text, isPaused, pause) {
  const dot = el("span", { class: isPaused ? "dot" : "dot on", "aria-hidden": "true" });
  momentBar.replaceChildren(
    dot,
    el("span", { class: "time" }, text),
    button(isPaused ? "Follow" : "Pause", () => pause(!isPaused), { class: "pause" }),
  );
  momentBar.hidden = false;
}

// A duration for reading.
export function printSeconds(value) {
  if (value === 0) return "0";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 120) return `${Number(value.toFixed(value < 10 ? 1 : 0))} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return `${Number((value / 3600).toFixed(1))} h`;
}

export function printShare(value) {
  return percent(value);
}
