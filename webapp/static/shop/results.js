/* What htmx leaves to do on the results page: focus after "Show more", problems in sight, word when the network is away. */

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
