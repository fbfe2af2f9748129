// Reports a trap in the page's own module. The module cannot be trusted after it, so this is plain script.
const WORDS = {
  en: ["The page stopped because of an internal error", "Reload it to continue.", "Reload"],
  zh: ["頁面因程式錯誤而停止", "請重新載入以繼續。", "重新載入"],
};

/** Shows a message when the module traps. `boot.js` reports failures before the page is drawn. */
export function watch() {
  addEventListener("error", ({ error }) => say(error));
  addEventListener("unhandledrejection", ({ reason }) => say(reason));
}

function say(error) {
  // In some browsers a stack overflow is a RangeError instead of a trap; it ends the module too.
  const isFull = error instanceof RangeError && /call stack/.test(error.message);
  const isTrap = error instanceof WebAssembly.RuntimeError || isFull;
  if (!isTrap || document.getElementById("boot") || document.querySelector(".crash")) return;
  const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
  const [what, then, reload] = WORDS[language];
  const text = document.createElement("p");
  text.textContent = `${what} (${error.message}). ${then}`;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-primary";
  button.dataset.testid = "page-reload";
  button.textContent = reload;
  button.addEventListener("click", () => location.reload());
  const alert = document.createElement("div");
  alert.className = "crash";
  alert.setAttribute("role", "alert");
  alert.dataset.testid = "page-stopped";
  alert.append(text, button);
  document.body.prepend(alert);
}
