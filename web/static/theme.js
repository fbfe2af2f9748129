// Applies the stored theme before the first paint.
try {
  document.documentElement.dataset.theme = localStorage.getItem("vitrine.theme") ?? "auto";
} catch {
  // Without storage, the system's theme applies.
}
