/** Compiles only while the plain types and the schemas say the same. */
import type { z } from "zod";
import type * as errorSchemas from "./error-schemas.ts";
import type * as estimateSchemas from "./estimate-schemas.ts";
import type * as keySchemas from "./key-schemas.ts";
import type * as keyTypes from "./key-types.ts";
import type * as schemas from "./schemas.ts";
import type * as types from "./types.ts";
import type * as usageSchemas from "./usage-schemas.ts";
import type * as usageTypes from "./usage-types.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Flattens `extends` and intersections, which `Equal` would tell apart. */
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Same<A, B> = Equal<Flat<A>, Flat<B>>;
type Check<T extends true> = T;

export type Checks = [
  Check<Same<z.input<typeof schemas.CreateJobInput>, types.CreateJobInput>>,
  Check<Same<z.input<typeof schemas.JobSettings>, types.JobSettings>>,
  Check<Same<z.input<typeof schemas.GetJobInput>, types.GetJobInput>>,
  Check<Same<z.input<typeof schemas.WatchJobInput>, types.WatchJobInput>>,
  Check<Same<z.input<typeof schemas.JobIdInput>, types.JobIdInput>>,
  Check<Same<z.input<typeof schemas.ListJobsInput>, types.ListJobsInput>>,
  Check<Same<z.input<typeof schemas.CreateUploadInput>, types.CreateUploadInput>>,
  Check<Same<z.output<typeof schemas.Job>, types.Job>>,
  Check<Same<z.output<typeof schemas.JobPage>, types.JobPage>>,
  Check<Same<z.output<typeof schemas.JobResult>, types.JobResult>>,
  Check<Same<z.output<typeof estimateSchemas.JobEstimate>, types.JobEstimate>>,
  Check<Same<z.output<typeof schemas.Upload>, types.Upload>>,
  Check<Same<z.output<typeof schemas.Limits>, types.Limits>>,
  Check<Same<z.output<typeof errorSchemas.Problem>, types.Problem>>,
  Check<Same<z.output<typeof keySchemas.Key>, keyTypes.Key>>,
  Check<Same<z.output<typeof keySchemas.NewKey>, keyTypes.NewKey>>,
  Check<Same<z.output<typeof keySchemas.KeyPage>, keyTypes.KeyPage>>,
  Check<Same<z.input<typeof keySchemas.CreateKeyInput>, keyTypes.CreateKeyInput>>,
  Check<Same<z.input<typeof keySchemas.CreateChildKeyInput>, keyTypes.CreateChildKeyInput>>,
  Check<Same<z.input<typeof keySchemas.UpdateKeyInput>, keyTypes.UpdateKeyInput>>,
  Check<Same<z.input<typeof keySchemas.RotateKeyInput>, keyTypes.RotateKeyInput>>,
  Check<Same<z.input<typeof keySchemas.KeyIdInput>, keyTypes.KeyIdInput>>,
  Check<Same<z.input<typeof keySchemas.ListKeysInput>, keyTypes.ListKeysInput>>,
  Check<Same<z.output<typeof errorSchemas.ErrorCatalogue>, types.ErrorCatalogue>>,
  Check<Same<z.input<typeof usageSchemas.GetUsageInput>, usageTypes.GetUsageInput>>,
  Check<Same<z.output<typeof usageSchemas.Usage>, usageTypes.Usage>>,
];
