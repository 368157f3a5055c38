/** Of commands that wait for a job. */
export const WAIT_OPTIONS = {
  timeout: {
    type: "string",
    value: "<time>",
    help: "cancel the job unless all is done in this time, such as 10m",
  },
  "leave-running": {
    type: "boolean",
    help: "on Ctrl-C, SIGTERM or --timeout leave the job running, and print its id",
  },
} as const;
