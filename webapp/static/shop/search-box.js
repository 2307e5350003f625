/* The search box: a picture may be chosen, photographed, dropped or pasted. Without this script the form still works. */

const MAX_SIDE = 1600;

/** Reduces a large photo before the upload: encoders use few pixels. Unreadable files are sent unchanged. */
async function shrink(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  const factor = bitmap ? MAX_SIDE / Math.max(bitmap.width, bitmap.height) : 1;
  if (factor >= 1) return file;
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * factor), Math.round(bitmap.height * factor));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  return new File([blob], "picture.jpg", { type: "image/jpeg" });
}

class SearchBox {
  constructor(form) {
    this.form = form;
    this.words = form.elements.q;
    this.files = [...form.querySelectorAll("[data-ask-file]")];
    this.chip = form.querySelector("[data-ask-chip]");
    this.preview = form.querySelector("[data-ask-preview]");
    this.name = form.querySelector("[data-ask-name]");
    this.note = form.querySelector("[data-ask-note]");
    for (const input of this.files) input.addEventListener("change", () => input.files[0] && this.take(input.files[0]));
    form.querySelector("[data-ask-remove]").addEventListener("click", () => this.remove());
    form.addEventListener("submit", () => this.prepareSubmit());
    addEventListener("pageshow", () => this.reset());
  }

  showNote(text, isError = false) {
    this.note.textContent = text;
    this.note.classList.toggle("is-wrong", isError);
  }

  async take(file) {
    if (file.type.startsWith("audio/") && this.form.querySelector("[data-voice]")) {
      this.form.dispatchEvent(new CustomEvent("ask:sound", { detail: file }));
      return;
    }
    if (!file.type.startsWith("image/")) {
      this.remove();
      this.showNote(this.form.dataset.notAPicture, true);
      return;
    }
    const picture = await shrink(file);
    const transfer = new DataTransfer();
    transfer.items.add(picture);
    for (const input of this.files) input.value = "";
    this.files[0].files = transfer.files;
    this.form.querySelector("[data-ask-token]")?.remove();
    this.form.method = "post";
    this.form.enctype = "multipart/form-data";
    this.showPicture(picture, file.name);
    this.showNote(this.form.dataset.pictureAdded);
    this.words.focus();
  }

  showPicture(picture, name) {
    if (this.preview.src.startsWith("blob:")) URL.revokeObjectURL(this.preview.src);
    this.preview.src = URL.createObjectURL(picture);
    this.preview.hidden = false;
    this.name.textContent = name;
    this.chip.hidden = false;
  }

  remove() {
    for (const input of this.files) input.value = "";
    this.form.querySelector("[data-ask-token]")?.remove();
    this.form.method = "get";
    this.form.enctype = "application/x-www-form-urlencoded";
    this.chip.hidden = true;
    this.showNote("");
    this.words.focus();
  }

  /** Leaves empty file fields out of the URL; the browser submits the form. */
  prepareSubmit() {
    for (const input of this.files) input.disabled = !input.files.length;
    this.form.classList.add("is-busy");
  }

  reset() {
    for (const input of this.files) input.disabled = false;
    this.form.classList.remove("is-busy");
  }
}

function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

function acceptDropsAndPastes(box) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("is-dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
  addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(-depth);
    if (event.dataTransfer.files[0]) box.take(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    box.take(file);
  });
}

const form = document.querySelector("[data-ask]");
if (form) acceptDropsAndPastes(new SearchBox(form));
