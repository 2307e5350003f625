/* Sounds and videos: key frames, moments and the waveform seek in the player; what is played now is shown in them.
   Without this script the same links open the file at their second. */

function clip(root) {
  const player = root.querySelector("video, audio");
  if (!player) return;
  const links = [...root.querySelectorAll("[data-seek]")];
  const frames = links.filter((link) => link.matches(".frame"));
  const wave = root.querySelector("[data-wave]");
  const head = root.querySelector("[data-wave-head]");
  const seconds = () => (Number.isFinite(player.duration) && player.duration) || Number(root.dataset.seconds);

  const playFrom = (second) => {
    player.currentTime = second;
    player.play().catch(() => {}); // A browser may want the shopper to press play.
  };

  const show = () => {
    const now = player.currentTime;
    const here = frames.findLast((frame) => Number(frame.dataset.seek) <= now + 0.05);
    frames.forEach((frame) => (frame === here ? frame.setAttribute("aria-current", "true") : frame.removeAttribute("aria-current")));
    if (head && seconds()) head.setAttribute("x", (now / seconds()) * 1000 - 1);
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
      if (seconds()) playFrom(((event.clientX - box.left) / box.width) * seconds());
    });
  }
  for (const event of ["timeupdate", "seeked", "loadedmetadata"]) player.addEventListener(event, show);
  player.addEventListener("error", () => {
    root.querySelector("[data-clip-fault]").hidden = false;
  });
  if (player.error) root.querySelector("[data-clip-fault]").hidden = false;

  const best = root.querySelector(".frame[data-best]");
  const strip = best?.closest(".frames");
  if (strip) strip.scrollLeft = best.parentElement.offsetLeft - strip.offsetLeft - (strip.clientWidth - best.clientWidth) / 2;
}

document.querySelectorAll("[data-clip]").forEach(clip);
