import { roles } from '@netport/protocol';
import { Option } from 'commander';

export const roleOption = (): Option =>
  new Option('--role <role>', 'viewer sees, operator changes the overlay, admin decides who may').choices(roles);
