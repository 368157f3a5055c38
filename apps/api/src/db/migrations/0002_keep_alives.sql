CREATE TABLE "keep_alives" (
	"engine" text PRIMARY KEY NOT NULL,
	"sent_at" timestamp (3) with time zone NOT NULL
);
