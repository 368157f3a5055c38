/** What can fail on our side. */
export const SERVICE_ERRORS = {
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
} as const;
