// The page in a frame of its own: it can read nothing of the notebook, and its keys are not those of the notebook.
export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = "inspection";
    frame.sandbox = "allow-scripts allow-downloads";
    frame.style = `width: 100%; height: ${model.get("height")}px; border: 0`;
    frame.srcdoc = model.get("page");
    el.append(frame);
  },
};
