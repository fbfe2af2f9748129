// Before the first paint: the colours that the reader chose last time.
try {
  document.documentElement.dataset.theme = localStorage.getItem("vitrine.theme") ?? "auto";
} catch {
  // Without storage the system's colours apply.
}
