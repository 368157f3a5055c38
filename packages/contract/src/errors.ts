/** One row of the error catalogue. */
export interface ErrorRow {
  /** HTTP status. For a code that ends a job it is what `GET /v1/jobs/{id}/result` answers. */
  status: number;
  /** The same call may succeed later without a change. */
  retryable: boolean;
  title: string;
  /** What to do about it. */
  hint: string;
}

/** Every error that the API can answer. A code exists only as a row here and is never renamed. */
export const ERRORS = {
  // The request
  invalid_input: {
    status: 400,
    retryable: false,
    title: "The request is not valid",
    hint: "Correct the fields listed in `issues` and send the request again.",
  },
  unknown_field: {
    status: 400,
    retryable: false,
    title: "The request has a field that does not exist",
    hint: "Remove the fields listed in `issues`; check their spelling.",
  },
  malformed_json: {
    status: 400,
    retryable: false,
    title: "The body is not JSON",
    hint: "Send one JSON object in UTF-8 with `Content-Type: application/json`.",
  },
  malformed_multipart: {
    status: 400,
    retryable: false,
    title: "The multipart body is broken",
    hint: "Let your HTTP library build the form, including the boundary in `Content-Type`.",
  },
  missing_part: {
    status: 400,
    retryable: false,
    title: "The form lacks a file",
    hint: "Send the two files as form parts named `image` and `audio`.",
  },
  batch_not_allowed: {
    status: 400,
    retryable: false,
    title: "A batch may hold one mutation at most",
    hint: "Send each mutation as a request of its own; batches of queries are fine.",
  },
  unauthorized: {
    status: 401,
    retryable: false,
    title: "The API key is missing or not valid",
    hint: "Send `Authorization: Bearer <key>` or `X-API-Key: <key>` with a key that is active.",
  },
  budget_exhausted: {
    status: 402,
    retryable: false,
    title: "The job could cost more than the budget has left",
    hint: "Wait until the budget begins anew, send a shorter recording, or ask the operator to raise the budget.",
  },
  insufficient_scope: {
    status: 403,
    retryable: false,
    title: "The API key may not do this",
    hint: "Use a key that has the scope which `detail` names.",
  },
  test_key_required: {
    status: 403,
    retryable: false,
    title: "Only test keys take `test`",
    hint: "Leave `test` out, or use a key that begins with `avk_test_`.",
  },
  link_invalid: {
    status: 403,
    retryable: false,
    title: "The signed link is not valid or has expired",
    hint: "Ask for a new link: `GET /v1/jobs/{id}/result` for a video, `POST /v1/uploads` for an upload.",
  },
  not_found: {
    status: 404,
    retryable: false,
    title: "No such route",
    hint: "Check the method and the path against `/openapi.json`.",
  },
  job_not_found: {
    status: 404,
    retryable: false,
    title: "No such job",
    hint: "Check the id, and that the key belongs to the owner who created the job.",
  },
  upload_not_found: {
    status: 404,
    retryable: false,
    title: "No such upload",
    hint: "Create an upload with `POST /v1/uploads`, PUT the file, and use its id within an hour.",
  },
  key_not_found: {
    status: 404,
    retryable: false,
    title: "No such API key",
    hint: "Check the id: `GET /v1/keys` lists them.",
  },
  method_not_allowed: {
    status: 405,
    retryable: false,
    title: "The route does not take this method",
    hint: "Use one of the methods in the `Allow` header.",
  },
  job_not_finished: {
    status: 409,
    retryable: true,
    title: "The job has no video yet",
    hint: "Wait with `GET /v1/jobs/{id}?wait=30` until its status is final.",
  },
  job_canceled: {
    status: 409,
    retryable: false,
    title: "The job was canceled",
    hint: "Create a new job.",
  },
  idempotency_mismatch: {
    status: 409,
    retryable: false,
    title: "This Idempotency-Key belongs to another request",
    hint: "Use a new key for a new request, and the same key only to repeat the same one.",
  },
  upload_incomplete: {
    status: 409,
    retryable: true,
    title: "The file was not uploaded yet",
    hint: "PUT the file to the upload's `url` with its `headers`, then create the job.",
  },
  upload_expired: {
    status: 410,
    retryable: false,
    title: "The upload has expired",
    hint: "Create an upload with `POST /v1/uploads`, PUT the file, and use its id within an hour.",
  },
  video_expired: {
    status: 410,
    retryable: false,
    title: "The video was deleted",
    hint: "Videos are kept until `expiresAt`. Create the job again to get a new one.",
  },
  upload_exists: {
    status: 412,
    retryable: false,
    title: "The file was already uploaded with this link",
    hint: "Use the upload's id. To send another file, create another upload.",
  },
  body_too_large: {
    status: 413,
    retryable: false,
    title: "The body is too large",
    hint: "Upload files with `POST /v1/uploads` or as multipart; keep JSON small.",
  },
  image_too_large: {
    status: 413,
    retryable: false,
    title: "The image file is too large",
    hint: "Send a smaller file; a JPEG of 2000 pixels is plenty.",
  },
  audio_too_large: {
    status: 413,
    retryable: false,
    title: "The audio file is too large",
    hint: "Send compressed audio, for example MP3 or M4A at 128 kbit/s.",
  },
  unsupported_content_type: {
    status: 415,
    retryable: false,
    title: "The body has a Content-Type that this route does not take",
    hint: "Send `application/json`, or `multipart/form-data` where the route takes files.",
  },

  rate_limited: {
    status: 429,
    retryable: true,
    title: "The key has sent too many requests within a minute",
    hint: "Wait as long as `Retry-After` says. Wait for jobs with `GET /v1/jobs/{id}?wait=30` instead of asking often.",
  },
  too_many_jobs: {
    status: 429,
    retryable: true,
    title: "The key has too many unfinished jobs",
    hint: "Wait until one of them is done, or cancel one; then create the job again.",
  },
  queue_full: {
    status: 429,
    retryable: true,
    title: "The key has too many jobs in the queue",
    hint: "Wait until one of them has begun, or cancel one; then create the job again.",
  },
  gpu_quota_exceeded: {
    status: 429,
    retryable: true,
    title: "The job could take more GPU seconds than the key has left for the day",
    hint: "Wait until the day is over in UTC, send a shorter recording, or ask the operator to raise the quota.",
  },

  // The files
  media_type_mismatch: {
    status: 422,
    retryable: false,
    title: "The file is not what its type says",
    hint: "Declare the type that the file really has, and send an image as `image` and audio as `audio`.",
  },
  upload_mismatch: {
    status: 422,
    retryable: false,
    title: "The uploaded bytes are not the declared ones",
    hint: "Create a new upload with the file's true size and SHA-256.",
  },
  empty_file: {
    status: 422,
    retryable: false,
    title: "The file is empty",
    hint: "Check that the file was read before it was sent.",
  },
  unsupported_image: {
    status: 422,
    retryable: false,
    title: "The image is in a format that is not supported",
    hint: "Send JPEG, PNG or WebP.",
  },
  unsupported_audio: {
    status: 422,
    retryable: false,
    title: "The audio is in a format that is not supported",
    hint: "Send WAV, MP3, M4A/AAC, OGG/Opus or FLAC.",
  },
  image_undecodable: {
    status: 422,
    retryable: false,
    title: "The image cannot be decoded",
    hint: "Open the file in an image editor and save it again as PNG or JPEG.",
  },
  image_truncated: {
    status: 422,
    retryable: false,
    title: "The image file is cut off",
    hint: "Send the whole file; compare its size with the original.",
  },
  audio_undecodable: {
    status: 422,
    retryable: false,
    title: "The audio cannot be decoded",
    hint: "Convert the recording to 16-bit WAV or to MP3 and send it again.",
  },
  audio_truncated: {
    status: 422,
    retryable: false,
    title: "The audio file is cut off",
    hint: "Send the whole file; compare its size with the original.",
  },
  image_too_small: {
    status: 422,
    retryable: false,
    title: "The image has too few pixels",
    hint: "Send a portrait of at least 512 x 512 pixels.",
  },
  image_too_many_pixels: {
    status: 422,
    retryable: false,
    title: "The image has too many pixels",
    hint: "Scale the image down; 2000 pixels on the longer side is plenty.",
  },
  audio_too_short: {
    status: 422,
    retryable: false,
    title: "The recording is too short",
    hint: "Send at least half a second of speech.",
  },
  audio_too_long: {
    status: 422,
    retryable: false,
    title: "The recording is too long",
    hint: "Split the recording and create a job for each part.",
  },
  no_face: {
    status: 422,
    retryable: false,
    title: "No face was found in the image",
    hint: "Send a portrait in which one face is seen from the front and evenly lit.",
  },
  several_faces: {
    status: 422,
    retryable: false,
    title: "The image shows several faces of about the same size",
    hint: "Crop the image so that one face stands out.",
  },
  face_too_small: {
    status: 422,
    retryable: false,
    title: "The face is too small in the image",
    hint: "Crop closer, or send an image with more pixels: the face should be 128 pixels wide or more.",
  },
  url_not_allowed: {
    status: 422,
    retryable: false,
    title: "The URL is not one that is fetched from",
    hint: "Use an https URL on port 443, without user name or password, of a server on the public internet.",
  },
  url_too_many_redirects: {
    status: 422,
    retryable: false,
    title: "The URL redirects too often",
    hint: "Use the URL that the redirects lead to.",
  },
  url_unreachable: {
    status: 422,
    retryable: true,
    title: "The file could not be fetched from its URL",
    hint: "Check that the URL downloads the file, whole and without a login; then try again, or upload the file.",
  },
  url_too_slow: {
    status: 422,
    retryable: true,
    title: "The server of the URL is too slow",
    hint: "Try again, or upload the file with `POST /v1/uploads`.",
  },

  // Our side
  internal: {
    status: 500,
    retryable: true,
    title: "Something failed on our side",
    hint: "Try again. If it keeps failing, report the `requestId`.",
  },
  render_failed: {
    status: 500,
    retryable: true,
    title: "The video could not be rendered",
    hint: "Create the job again. If it keeps failing, report the job id.",
  },
  run_lost: {
    status: 500,
    retryable: true,
    title: "The machine that rendered the video was lost too often",
    hint: "Create the job again later.",
  },
  overloaded: {
    status: 503,
    retryable: true,
    title: "The service has more to do than it can at the moment",
    hint: "Try again after the time in `Retry-After`.",
  },
  unavailable: {
    status: 503,
    retryable: true,
    title: "The service cannot answer right now",
    hint: "Try again after the time in `Retry-After`.",
  },
  storage_unavailable: {
    status: 503,
    retryable: true,
    title: "The store of the files cannot be reached right now",
    hint: "Try again after the time in `Retry-After`.",
  },
  engine_unavailable: {
    status: 503,
    retryable: true,
    title: "The service that renders cannot be reached right now",
    hint: "Create the job again later.",
  },
  engine_unauthorized: {
    status: 503,
    retryable: true,
    title: "The service that renders does not accept our account",
    hint: "This is for the operator of the API to mend. Create the job again later.",
  },
  engine_misconfigured: {
    status: 503,
    retryable: true,
    title: "The service that renders is not set up as it must be",
    hint: "This is for the operator of the API to mend. Create the job again later.",
  },
  engine_quota_exceeded: {
    status: 503,
    retryable: true,
    title: "The service that renders has no balance left",
    hint: "This is for the operator of the API to mend. Create the job again later.",
  },
  no_capacity: {
    status: 503,
    retryable: true,
    title: "No GPU was free in time",
    hint: "Create the job again later.",
  },
  queue_timeout: {
    status: 504,
    retryable: true,
    title: "The job waited too long for a free worker",
    hint: "Create the job again later.",
  },
  start_timeout: {
    status: 504,
    retryable: true,
    title: "No worker started the job in time",
    hint: "Create the job again later.",
  },
  run_timeout: {
    status: 504,
    retryable: true,
    title: "The render took longer than allowed",
    hint: "Create the job again. If it keeps failing, use a shorter recording.",
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** The page about a code, on the API's own host. */
export const errorDocsPath = (code: ErrorCode) => `/docs/errors/${code}`;
