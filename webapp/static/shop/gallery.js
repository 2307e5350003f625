/* The gallery: thumbnails and arrow keys move through the pictures; without this script thumbnails are plain anchors. */

function gallery(root) {
  const frames = root.querySelector("[data-gallery-frames]");
  const thumbs = [...root.querySelectorAll("[data-gallery-thumb]")];
  const asset = document.querySelector("[data-gallery-asset]");
  const place = () => Math.round(frames.scrollLeft / frames.clientWidth);
  const go = (index) => {
    const wanted = Math.min(Math.max(index, 0), frames.children.length - 1);
    frames.scrollTo({ left: wanted * frames.clientWidth });
  };

  frames.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    go(place() + step);
  });
  frames.addEventListener("scroll", () => {
    const here = place();
    thumbs.forEach((thumb, index) => (index === here ? thumb.setAttribute("aria-current", "true") : thumb.removeAttribute("aria-current")));
    if (asset) asset.value = frames.children[here].dataset.asset;
  });
  thumbs.forEach((thumb, index) =>
    thumb.addEventListener("click", (event) => {
      event.preventDefault();
      go(index);
    }),
  );
}

document.querySelectorAll("[data-gallery]").forEach(gallery);
