ALTER TABLE "runs" ADD COLUMN "sweep_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "runs_sweep" ON "runs" USING btree ("sweep_at") WHERE "runs"."sweep_at" is not null;