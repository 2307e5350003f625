/* The gallery: thumbnails and arrow keys move through the pictures. Without this script thumbnails are plain anchors. */

function enhanceGallery(root) {
  const frames = root.querySelector("[data-gallery-frames]");
  const thumbs = [...root.querySelectorAll("[data-gallery-thumb]")];
  const asset = document.querySelector("[data-gallery-asset]");
  const currentIndex = () => Math.round(frames.scrollLeft / frames.clientWidth);
  const go = (index) => {
    const target = Math.min(Math.max(index, 0), frames.children.length - 1);
    frames.scrollTo({ left: target * frames.clientWidth });
  };

  frames.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    go(currentIndex() + step);
  });
  frames.addEventListener("scroll", () => {
    const current = currentIndex();
    thumbs.forEach((thumb, index) => (index === current ? thumb.setAttribute("aria-current", "true") : thumb.removeAttribute("aria-current")));
    if (asset) asset.value = frames.children[current].dataset.asset;
  });
  thumbs.forEach((thumb, index) =>
    thumb.addEventListener("click", (event) => {
      event.preventDefault();
      go(index);
    }),
  );
}

document.querySelectorAll("[data-gallery]").forEach(enhanceGallery);
