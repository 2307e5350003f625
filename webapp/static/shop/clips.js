/* Clips of a product page: key frames, matches and the waveform seek in the player and show its position.
   Without this script the same links open the file at their second. */

function enhanceClip(root) {
  const player = root.querySelector("video, audio");
  if (!player) return;
  const links = [...root.querySelectorAll("[data-seek]")];
  const frames = links.filter((link) => link.matches(".frame"));
  const wave = root.querySelector("[data-wave]");
  const head = root.querySelector("[data-wave-head]");
  const duration = () => (Number.isFinite(player.duration) && player.duration) || Number(root.dataset.seconds);

  const playFrom = (second) => {
    player.currentTime = second;
    player.play().catch(() => {}); // Some browsers require that the shopper presses play.
  };

  const showPosition = () => {
    const now = player.currentTime;
    const current = frames.findLast((frame) => Number(frame.dataset.seek) <= now + 0.05);
    frames.forEach((frame) => (frame === current ? frame.setAttribute("aria-current", "true") : frame.removeAttribute("aria-current")));
    if (head && duration()) head.setAttribute("x", (now / duration()) * 1000 - 1);
  };

  links.forEach((link) =>
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      playFrom(Number(link.dataset.seek));
    }),
  );
  if (wave) {
    wave.dataset.seekable = "";
    wave.addEventListener("click", (event) => {
      const box = wave.getBoundingClientRect();
      if (duration()) playFrom(((event.clientX - box.left) / box.width) * duration());
    });
  }
  for (const event of ["timeupdate", "seeked", "loadedmetadata"]) player.addEventListener(event, showPosition);
  player.addEventListener("error", () => {
    root.querySelector("[data-clip-fault]").hidden = false;
  });
  if (player.error) root.querySelector("[data-clip-fault]").hidden = false;

  const best = root.querySelector(".frame[data-best]");
  const strip = best?.closest(".frames");
  if (strip) strip.scrollLeft = best.parentElement.offsetLeft - strip.offsetLeft - (strip.clientWidth - best.clientWidth) / 2;
}

document.querySelectorAll("[data-clip]").forEach(enhanceClip);
