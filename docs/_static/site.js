// Tables and code that are wider than the screen can be scrolled with the keyboard.
addEventListener("DOMContentLoaded", () => {
  const watch = new ResizeObserver((changes) => {
    for (const { target } of changes) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  for (const part of document.querySelectorAll(".table-wrapper, pre")) watch.observe(part);
});

// The demo on the start page: as high as what it shows, without a heading of its own, and light or
// dark as the page around it.

addEventListener("DOMContentLoaded", () => {
  const frame = document.querySelector("iframe.demo");
  if (!frame) return;
  const fit = () => {
    const page = frame.contentDocument; // null where the site was opened as a file
    if (!page || page.URL === "about:blank") return;
    frame.hidden = !page.querySelector("main"); // the site was built without the demo
    if (frame.hidden) return;
    for (const part of page.querySelectorAll("header, footer")) part.hidden = true;
    page.body.style.cssText = "min-height: 0; padding: 4px; background: none; max-width: none";
    new ResizeObserver(() => {
      frame.style.height = `${page.body.getBoundingClientRect().height}px`;
    }).observe(page.body);
    new MutationObserver(() => dress(frame)).observe(document.body, { attributeFilter: ["data-theme"] });
    dress(frame);
  };
  frame.addEventListener("load", fit);
  if (frame.contentDocument?.readyState === "complete") fit();
});

/** Let the demo take the theme that a visitor chose for the site. */
function dress(frame) {
  const theme = document.body.dataset.theme; // light, dark, or auto: as the system
  const media = { light: "not all", dark: "all" }[theme] ?? "(prefers-color-scheme: dark)";
  const page = frame.contentDocument;
  page.documentElement.style.colorScheme = theme === "auto" ? "" : theme;
  for (const sheet of page.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (rule.media?.mediaText.includes("prefers-color-scheme")) rule.isDark = true;
      if (rule.isDark) rule.media.mediaText = media;
    }
  }
  frame.contentWindow.dispatchEvent(new Event("theme"));
}
