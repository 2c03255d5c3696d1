-- AlterTable
ALTER TABLE "Member" ADD COLUMN "certifiedBy" TEXT;
ALTER TABLE "Member" ADD COLUMN "trustedRoots" TEXT;
ALTER TABLE "Certificate" ADD COLUMN "root" TEXT;
