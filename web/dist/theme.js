// Light or dark, before anything is drawn; src/ui/theme.ts keeps the choice.
try {
  const theme = localStorage.getItem('bizsync.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; then the system's choice holds.
}
