-- AlterTable
ALTER TABLE "AccessPair" ADD COLUMN "grant" TEXT;
ALTER TABLE "AccessPair" ADD COLUMN "schedule" TEXT;

-- CreateTable
CREATE TABLE "PolicyEntry" (
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "body" TEXT NOT NULL,

    PRIMARY KEY ("kind", "name")
);
