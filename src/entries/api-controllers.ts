import type { DynamicModule, ForwardReference, Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { entryModules } from './entry-modules.js';

type Imported = Type | DynamicModule | Promise<DynamicModule> | ForwardReference;

/** Every controller of the entries that mount the API, without an application to run them. */
export function apiControllers(): Type[] {
  const controllers = new Set<Type>();
  const seen = new Set<unknown>();
  const visit = (module: Imported): void => {
    if (seen.has(module)) return;
    seen.add(module);
    const { type, dynamic } = partsOf(module);
    if (!type) return;
    for (const controller of listed(type, MODULE_METADATA.CONTROLLERS, dynamic.controllers))
      controllers.add(controller as Type);
    for (const imported of listed(type, MODULE_METADATA.IMPORTS, dynamic.imports))
      visit(imported as Imported);
  };
  for (const module of entryModules(['all', 'job', 'status'])) visit(module);
  return [...controllers];
}

/** A module's class, and what `register` or `forRoot` adds to it; what is still to come has no controllers of ours. */
function partsOf(module: Imported): { readonly type?: Type; readonly dynamic: Partial<DynamicModule> } {
  if (typeof module === 'function') return { type: module, dynamic: {} };
  return 'module' in module ? { type: module.module, dynamic: module } : { dynamic: {} };
}

function listed(type: Type, key: string, added: readonly unknown[] = []): unknown[] {
  const declared = (Reflect.getMetadata(key, type) ?? []) as unknown[];
  return [...declared, ...added];
}
