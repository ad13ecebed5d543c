// The demo on the start page: as high as what it shows, and without a heading of its own.

addEventListener("DOMContentLoaded", () => {
  const frame = document.querySelector("iframe.demo");
  if (!frame) return;
  const fit = () => {
    const page = frame.contentDocument; // null where the site was opened as a file
    if (!page?.body) return;
    for (const part of page.querySelectorAll("header, footer")) part.hidden = true;
    page.body.style.cssText = "min-height: 0; padding: 4px; background: none; max-width: none";
    new ResizeObserver(() => {
      frame.style.height = `${page.body.getBoundingClientRect().height}px`;
    }).observe(page.body);
  };
  frame.addEventListener("load", fit);
  if (frame.contentDocument?.readyState === "complete") fit();
});
