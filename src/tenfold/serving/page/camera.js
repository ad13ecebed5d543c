// The camera: shows its video on the sheet until a picture is taken.

export class Camera extends EventTarget {
  /** Fires "picture" with an ImageBitmap. @param {HTMLVideoElement} video @param {HTMLButtonElement} shutter */
  constructor(video, shutter) {
    super();
    this.video = video;
    this.shutter = shutter;
    this.stream = null;
    shutter.addEventListener("click", () => this.take());
    video.parentElement.addEventListener("keydown", (event) => event.key === "Escape" && this.stop());
    document.addEventListener("visibilitychange", () => document.hidden && this.stop());
  }

  /** Browsers allow a camera only on this machine's own address and over https. */
  get supported() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  get on() {
    return this.stream !== null;
  }

  async start() {
    const wanted = { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1440 } };
    this.stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    this.video.srcObject = this.stream;
    await this.video.play();
    this.video.hidden = this.shutter.hidden = false;
    this.opener = document.activeElement;
    this.shutter.focus();
  }

  async take() {
    if (!this.on) return;
    const detail = await createImageBitmap(this.video);
    this.stop();
    this.dispatchEvent(new CustomEvent("picture", { detail }));
  }

  stop() {
    if (document.activeElement === this.shutter) this.opener.focus();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.video.hidden = this.shutter.hidden = true;
  }
}
