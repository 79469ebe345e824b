import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { Handler } from './handler.js';
import { JOB_TYPE_METADATA } from './job-handler.decorator.js';
import { JobRegistry } from './job.registry.js';
import type { JobType } from './job-type.js';

/** Job types that an application enqueues, announced by `forFeature`; their handlers may live elsewhere. */
export class JobTypeList {
  constructor(readonly types: readonly JobType[]) {}
}

/** Walks the providers once, when the module is ready, and puts every handler and announced type into the registry. */
@Injectable()
export class JobExplorer implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly registry: JobRegistry,
  ) {}

  onModuleInit(): void {
    for (const wrapper of this.discovery.getProviders()) {
      const instance: unknown = wrapper.isDependencyTreeStatic() ? wrapper.instance : undefined;
      if (typeof instance !== 'object' || instance === null) continue;
      if (instance instanceof JobTypeList) for (const type of instance.types) this.registry.addType(type);
      const type = Reflect.getMetadata(JOB_TYPE_METADATA, instance.constructor) as JobType | undefined;
      if (type) this.registry.addHandler(type, instance as Handler);
    }
  }
}
