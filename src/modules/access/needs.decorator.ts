import { SetMetadata } from '@nestjs/common';
import { roles, type Role } from '../../config/index.js';

/** What a route asks of its caller: a role, or nothing at all. */
export type Need = Role | 'nothing';

const NEED = 'rookery:need';

/** Declares the role a caller of the route needs; on a controller, of each route that declares none itself. */
export function Needs(need: Need): MethodDecorator & ClassDecorator {
  return SetMetadata(NEED, need);
}

/** What the route asks of its caller; undefined when neither it nor its controller says so. */
export function needOf(handler: object, controller: object): Need | undefined {
  return (Reflect.getMetadata(NEED, handler) ?? Reflect.getMetadata(NEED, controller)) as Need | undefined;
}

/** True when a caller of one role may do what needs the other. */
export function maySatisfy(role: Role, need: Need): boolean {
  return need === 'nothing' || roles.indexOf(role) >= roles.indexOf(need);
}
