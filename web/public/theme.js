// Before the first paint, so that the page never flashes in the wrong theme; later, when the system changes and nobody chose here.
(() => {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const chosen = localStorage.getItem('theme');
    document.documentElement.classList.toggle('dark', chosen ? chosen === 'dark' : system.matches);
    dispatchEvent(new Event('theme'));
  };
  apply();
  system.addEventListener('change', apply);
})();
