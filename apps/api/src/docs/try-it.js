// @ts-check
/** The forms of the reference: sends what they hold to this API, and shows the answer as it comes. */

/** @type {HTMLInputElement} */
const key = query(document, "#api-key");

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form);
  });
}

/** @param {HTMLFormElement} form */
async function send(form) {
  const [outcome, answer] = [query(form, ".outcome"), query(form, ".answer")];
  /** @type {HTMLButtonElement} */
  const stop = query(form, ".stop");
  const controller = new AbortController();
  stop.onclick = () => controller.abort();
  stop.hidden = false;
  answer.hidden = true;
  answer.textContent = "";
  outcome.textContent = "…";
  const startedAt = performance.now();
  try {
    const { url, ...request } = requestOf(form);
    const response = await fetch(url, { ...request, signal: controller.signal });
    outcome.textContent = `${response.status} ${response.statusText} after ${Math.round(performance.now() - startedAt)} ms`;
    answer.hidden = false;
    await show(response, answer);
  } catch (error) {
    outcome.textContent = controller.signal.aborted ? "Stopped." : String(error);
  } finally {
    stop.hidden = true;
  }
}

/** @param {HTMLFormElement} form */
function requestOf(form) {
  const { method, path = "" } = form.dataset;
  /** @type {Record<string, string>} */
  const headers = key.value ? { authorization: `Bearer ${key.value.trim()}` } : {};
  const search = new URLSearchParams();
  const files = new FormData();
  let url = path;
  for (const input of form.querySelectorAll("input")) {
    const where = input.dataset.in;
    if (where === "form") {
      if (input.files?.[0]) files.append(input.name, input.files[0]);
    } else if (where === "path") url = url.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.value && where === "query") search.append(input.name, input.value);
    else if (input.value) headers[input.name.toLowerCase()] = input.value;
  }
  if (search.size > 0) url += `?${search}`;
  if (![...files].length && form.body) headers["content-type"] = "application/json";
  return { url, method, headers, body: [...files].length ? files : form.body?.value };
}

/**
 * @param {Response} response
 * @param {HTMLElement} answer
 */
async function show(response, answer) {
  if (response.headers.get("content-type")?.includes("json")) {
    answer.textContent = JSON.stringify(await response.json(), null, 2);
    return;
  }
  const decoder = new TextDecoder();
  for (const reader = response.body?.getReader(); reader; ) {
    const { value, done } = await reader.read();
    if (done) return;
    answer.textContent += decoder.decode(value, { stream: true });
  }
}

/**
 * @template {HTMLElement} E
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {E}
 */
function query(parent, selector) {
  const found = /** @type {E | null} */ (parent.querySelector(selector));
  if (!found) throw new Error(`the page lacks ${selector}`);
  return found;
}
