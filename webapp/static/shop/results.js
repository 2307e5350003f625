/* What htmx leaves to do on the results page: focus after "Show more", problems in sight, word when the network is away.
   And what the click log is told: which product was opened. Nothing waits for that, and links work without it. */

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

function tellOpened(event) {
  const link = event.target.closest("[data-click]");
  const rightButton = event.button === 2;
  if (link && !rightButton) navigator.sendBeacon(link.closest("[data-clicks]").dataset.clicks, link.dataset.click);
}

document.body.addEventListener("click", tellOpened);
document.body.addEventListener("auxclick", tellOpened);
