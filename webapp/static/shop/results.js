/* The results page beyond htmx: focus after "Show more", scrolling to error messages, a message without network.
   It also reports opened products to the click log, in the background; links work without it. */

let shownBefore = 0;

document.body.addEventListener("htmx:beforeRequest", (event) => {
  shownBefore = event.detail.elt.id === "load-more" ? document.querySelectorAll("#hit-list > li").length : 0;
});

document.body.addEventListener("htmx:afterSettle", () => {
  if (!shownBefore) return;
  document.querySelectorAll("#hit-list > li")[shownBefore]?.querySelector("a").focus();
  shownBefore = 0;
});

document.body.addEventListener("htmx:afterSwap", () => document.querySelector("#hits.problem")?.scrollIntoView({ block: "center" }));

document.body.addEventListener("htmx:sendError", () => {
  const count = document.getElementById("result-count");
  count.textContent = count.dataset.away;
});

function reportClick(event) {
  const link = event.target.closest("[data-click]");
  const rightButton = event.button === 2;
  if (link && !rightButton) navigator.sendBeacon(link.closest("[data-clicks]").dataset.clicks, link.dataset.click);
}

document.body.addEventListener("click", reportClick);
document.body.addEventListener("auxclick", reportClick);
