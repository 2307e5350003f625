// Shows how much of the files has been sent, and marks a field while a file is dragged over it.
const form = () => document.getElementById("upload-form");

document.body.addEventListener("htmx:xhr:progress", (event) => {
  const bar = document.getElementById("sending");
  if (!bar || !event.detail.lengthComputable) return;
  bar.hidden = false;
  bar.value = (100 * event.detail.loaded) / event.detail.total;
});

for (const type of ["dragover", "dragleave", "drop"]) {
  document.body.addEventListener(type, (event) => {
    const field = event.target instanceof Element ? event.target.closest(".upload-drop") : null;
    if (!field || !form()) return;
    field.classList.toggle("over", type === "dragover");
  });
}
