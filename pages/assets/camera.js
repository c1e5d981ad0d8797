// The cameras of a device, for all components that use one: how they are opened, and why they cannot be.

const CAMERA_GONE = "The camera was disconnected. Plug it in again and press Start camera.";

const CAMERA_PROBLEMS = {
  insecure:
    "The browser lends its camera only to this very computer (localhost) or over https. Open Bluetit at an https " +
    "address, or take the photos with the camera app and add them as files.",
  NotAllowedError:
    "The browser may not use the camera. Allow it for this page, by the camera sign in the address bar or in the " +
    "browser's settings, then press Start camera again.",
  NotFoundError: "No camera was found. Plug one in, or add photos as files.",
  NotReadableError:
    "The camera is there but cannot be opened; another program may be using it. Close that one, then press Start " +
    "camera again.",
  other: "The camera could not be started. Unplug it and plug it in again, or reload the page.",
};
const CAMERA_PROBLEMS_ALIKE = { OverconstrainedError: "NotFoundError", SecurityError: "NotAllowedError" };

// The stream of a camera; where there is none, an error whose message is for the person.
async function openCamera({ deviceId, facingMode = "environment" } = {}) {
  if (!window.isSecureContext || !navigator.mediaDevices) throw new Error(CAMERA_PROBLEMS.insecure);
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode };
  const size = { width: { ideal: 1280 }, height: { ideal: 960 } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...which, ...size }, audio: false });
  } catch (error) {
    const name = CAMERA_PROBLEMS_ALIKE[error.name] ?? error.name;
    throw new Error(CAMERA_PROBLEMS[name] ?? CAMERA_PROBLEMS.other, { cause: error });
  }
}

function stopCamera(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput" && device.deviceId);
}

// Whoever sees themselves expects a mirror; only what is shown is mirrored, never what is sent.
function isMirrored(track) {
  return track.getSettings().facingMode !== "environment";
}

// Show a stream, and wait until its size is known.
async function showStream(video, stream) {
  const ready = new Promise((resolve) => {
    video.addEventListener("loadedmetadata", resolve, { once: true });
  });
  video.srcObject = stream;
  await ready;
}
