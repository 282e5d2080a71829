// Before the first paint: the chosen colours, and that a script runs at all. A classic script, so that nothing is drawn before it.
document.documentElement.classList.add('js');
try {
  const theme = localStorage.getItem('sluice.theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's colours hold.
}
