/* The search box: a picture may be chosen, photographed, dropped or pasted. Without this script the form still works. */

const LONGEST_SIDE = 1600;

/** A phone's photograph is far larger than any encoder looks at; a smaller one is sent. Unreadable files go as they are. */
async function shrunk(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  const factor = bitmap ? LONGEST_SIDE / Math.max(bitmap.width, bitmap.height) : 1;
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
    form.addEventListener("submit", () => this.send());
    addEventListener("pageshow", () => this.rest());
  }

  say(text, wrong = false) {
    this.note.textContent = text;
    this.note.classList.toggle("is-wrong", wrong);
  }

  async take(file) {
    if (file.type.startsWith("audio/") && this.form.querySelector("[data-voice]")) {
      this.form.dispatchEvent(new CustomEvent("ask:sound", { detail: file }));
      return;
    }
    if (!file.type.startsWith("image/")) {
      this.remove();
      this.say(this.form.dataset.notAPicture, true);
      return;
    }
    const picture = await shrunk(file);
    const transfer = new DataTransfer();
    transfer.items.add(picture);
    for (const input of this.files) input.value = "";
    this.files[0].files = transfer.files;
    this.form.querySelector("[data-ask-token]")?.remove();
    this.form.method = "post";
    this.form.enctype = "multipart/form-data";
    this.show(picture, file.name);
    this.say(this.form.dataset.pictureAdded);
    this.words.focus();
  }

  show(picture, name) {
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
    this.say("");
    this.words.focus();
  }

  /** An address without empty parts; the browser's own submission does the rest. */
  send() {
    for (const input of this.files) input.disabled = !input.files.length;
    this.form.classList.add("is-busy");
  }

  rest() {
    for (const input of this.files) input.disabled = false;
    this.form.classList.remove("is-busy");
  }
}

function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

function listenOnPage(box) {
  let depth = 0;
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("is-dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => carriesFiles(event) && mark(1));
  addEventListener("dragleave", (event) => carriesFiles(event) && mark(-1));
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
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
if (form) listenOnPage(new SearchBox(form));
