/* Voice input of the search box: a recording is transcribed to words that the shopper can correct, or is itself the
   query. The search starts only when the shopper submits it. Without this script, a microphone or a speech engine the
   button is hidden. */

const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const CAN_RECORD = Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);

/** 75.3 → "1:15" */
function formatClock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Records until it is stopped, and reports its level from 0 to 1. */
class Recording {
  static async begin(onLevel) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
    return new Recording(stream, onLevel);
  }

  constructor(stream, onLevel) {
    this.stream = stream;
    this.onLevel = onLevel;
    this.parts = [];
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
    this.recorder.addEventListener("dataavailable", (event) => this.parts.push(event.data));
    this.recorder.start();
    this.startedAt = performance.now();
    this.reportLevel();
  }

  get seconds() {
    return (performance.now() - this.startedAt) / 1000;
  }

  reportLevel() {
    this.audio = new AudioContext();
    const analyser = this.audio.createAnalyser();
    this.audio.createMediaStreamSource(this.stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const measure = () => {
      if (this.recorder.state === "inactive") return;
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      this.onLevel(Math.min(1, Math.sqrt(power) * 5));
      requestAnimationFrame(measure);
    };
    measure();
  }

  /** Returns the file after the recorder has written its last part. */
  async stop() {
    if (this.recorder.state !== "inactive") {
      const written = new Promise((done) => this.recorder.addEventListener("stop", done, { once: true }));
      this.recorder.stop();
      await written;
    }
    this.stream.getTracks().forEach((track) => track.stop());
    this.audio.close();
    const type = (this.recorder.mimeType || "audio/webm").split(";")[0];
    return new File(this.parts, `spoken.${type.split("/")[1]}`, { type });
  }
}

class Voice {
  constructor(form) {
    this.form = form;
    this.data = form.querySelector("[data-voice]").dataset;
    const part = (name) => form.querySelector(`[data-voice-${name}]`);
    Object.assign(this, { start: part("start"), live: part("live"), time: part("time"), kept: part("kept") });
    Object.assign(this, { player: part("player"), play: part("play"), length: part("length"), file: part("file"), search: part("search") });
    this.words = form.elements.q;
    this.note = form.querySelector("[data-ask-note]");
    this.transcript = "";
    this.start?.addEventListener("click", () => this.record());
    part("stop").addEventListener("click", () => this.finish());
    part("cancel").addEventListener("click", () => this.cancel());
    part("remove").addEventListener("click", () => this.remove());
    this.search?.addEventListener("click", () => this.searchBySound());
    this.play.addEventListener("click", () => (this.player.paused ? this.player.play() : this.player.load()));
    for (const event of ["playing", "ended", "emptied"]) this.player.addEventListener(event, () => this.play.classList.toggle("is-playing", event === "playing"));
    this.player.addEventListener("loadedmetadata", () => Number.isFinite(this.player.duration) && (this.length.textContent = formatClock(this.player.duration)));
    this.file?.addEventListener("change", () => this.file.files[0] && this.take(this.file.files[0]));
    form.addEventListener("ask:sound", (event) => this.take(event.detail));
    form.addEventListener("keydown", (event) => event.key === "Escape" && this.recording && this.cancel());
    form.addEventListener("submit", () => this.prepareSubmit());
    addEventListener("pageshow", () => this.reset());
    if (CAN_RECORD && this.start) this.start.hidden = false;
  }

  showNote(text, isError = false) {
    this.note.textContent = text;
    this.note.classList.toggle("is-wrong", isError);
  }

  async record() {
    if (this.recording || this.isAsking) return;
    this.remove();
    this.isAsking = true;
    try {
      this.recording = await Recording.begin((level) => this.live.style.setProperty("--level", level.toFixed(2)));
    } catch (error) {
      this.showNote({ NotAllowedError: this.data.refused, NotFoundError: this.data.absent }[error.name] ?? this.data.unusable, true);
      return;
    } finally {
      this.isAsking = false;
    }
    this.form.classList.add("is-recording");
    this.live.hidden = false;
    this.showNote(this.data.recording);
    this.live.querySelector("[data-voice-stop]").focus();
    this.tick();
    this.clock = setInterval(() => this.tick(), 200);
  }

  tick() {
    this.time.textContent = this.length.textContent = formatClock(this.recording.seconds);
    if (this.recording.seconds >= Number(this.data.seconds)) this.finish(this.data.long);
  }

  async stopRecording() {
    clearInterval(this.clock);
    const recording = this.recording;
    this.recording = null;
    this.form.classList.remove("is-recording");
    this.live.hidden = true;
    return recording?.stop();
  }

  async cancel() {
    await this.stopRecording();
    this.showNote("");
    this.start.focus();
  }

  async finish(note = "") {
    if (this.recording) this.take(await this.stopRecording(), note);
  }

  async take(file, note = "") {
    this.showRecording(file);
    if (!this.data.transcribe) {
      this.showNote([note, this.data.added].filter(Boolean).join(" "));
      this.search?.focus();
      return;
    }
    this.showNote(this.data.listening);
    this.form.classList.add("is-listening");
    const answer = await this.transcribe(file);
    this.form.classList.remove("is-listening");
    if (answer.text) {
      this.words.value = this.transcript = answer.text;
      this.words.focus();
      this.words.select();
    } else {
      (this.search ?? this.start)?.focus();
    }
    this.showNote([note, answer.problem ?? (answer.text ? this.data.check : this.data.nothing)].filter(Boolean).join(" "), !answer.text);
  }

  async transcribe(file) {
    const body = new FormData();
    body.append("sound", file);
    try {
      const response = await fetch(this.data.transcribe, { method: "POST", body });
      return await response.json();
    } catch {
      return { problem: this.data.away };
    }
  }

  showRecording(file) {
    this.player.src = URL.createObjectURL(file);
    this.kept.hidden = false;
    if (!this.file) return;
    const transfer = new DataTransfer();
    transfer.items.add(file);
    this.file.files = transfer.files;
  }

  remove() {
    if (this.player.src) URL.revokeObjectURL(this.player.src);
    this.player.removeAttribute("src");
    this.kept.hidden = true;
    if (this.file) this.file.value = "";
    this.showNote("");
  }

  /** Drops the transcript from the query, unless the shopper has changed it: then text and sound are the query. */
  searchBySound() {
    if (this.words.value === this.transcript) this.words.value = "";
    this.bySound = true;
    this.form.method = "post";
    this.form.enctype = "multipart/form-data";
    this.form.requestSubmit();
  }

  prepareSubmit() {
    if (this.recording) this.stopRecording();
    if (this.file) this.file.disabled = !this.bySound;
  }

  reset() {
    this.bySound = false;
    if (this.file) this.file.disabled = false;
  }
}

const form = document.querySelector("[data-ask]:has([data-voice])");
if (form) new Voice(form);
