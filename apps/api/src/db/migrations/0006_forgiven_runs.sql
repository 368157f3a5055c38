ALTER TABLE "jobs" ADD COLUMN "forgiven_seconds" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_days" ADD COLUMN "forgiven_usd" double precision DEFAULT 0 NOT NULL;