-- AlterTable
ALTER TABLE "AccessPair" ADD COLUMN "transport" TEXT NOT NULL DEFAULT 'auto';
