export { Needs, maySatisfy, needOf, roles, type Need, type Role } from './needs.decorator.js';
