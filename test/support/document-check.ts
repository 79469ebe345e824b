import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { OpenApiDocument } from '../../src/modules/job/index.js';

/** A JSON Schema as the document holds it. */
export type Schema = Readonly<Record<string, unknown>>;

/** One method of one path. */
export interface Operation {
  readonly method: string;
  /** As in the document: `/job/{id}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Schemas of the body by media type. */
  readonly bodies: Readonly<Record<string, Media>>;
  readonly responses: Readonly<Record<string, Response>>;
  readonly role: string;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
}

interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
}

interface Response {
  readonly content?: Readonly<Record<string, Media>>;
}

/** What of an answer the document speaks of. */
export interface CheckedAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  /** The body as text. */
  readonly text: string;
}

const COMPONENTS = 'rookery:components';

/** Holds answers and examples against a document. */
export class DocumentCheck {
  readonly operations: readonly Operation[];
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly compiled = new Map<Schema, ValidateFunction>();

  constructor(private readonly document: OpenApiDocument) {
    formats.default(this.ajv);
    this.ajv.addSchema({ $id: COMPONENTS, ...document });
    this.operations = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => operationOf(method, path, operation)),
    );
  }

  /** A component by the reference to it, any other schema as it is. */
  resolved(schema: Schema): Schema {
    const { $ref } = schema as { readonly $ref?: string };
    if ($ref === undefined) return schema;
    const name = $ref.replace('#/components/schemas/', '');
    const found = this.document.components.schemas[name];
    if (!found) throw new Error(`the document has no ${$ref}`);
    return found;
  }

  /** Why the document does not allow that answer; undefined when it does. */
  complaint({ method, path, responses }: Operation, answer: CheckedAnswer): string | undefined {
    const where = `${method} ${path} answered ${answer.status}`;
    const response = responses[answer.status];
    if (!response) return `${where}, which is not described: ${answer.text.slice(0, 500)}`;
    if (!response.content && answer.text === '') return undefined;
    const type = answer.contentType?.split(';', 1)[0] ?? '';
    const content = response.content ?? {};
    const media = content[type] ?? content[`${type.split('/', 1)[0]}/*`];
    if (!media) return `${where} as ${type}, described are ${Object.keys(content).join(', ')}`;
    if (!type.endsWith('json')) return undefined;
    const errors = this.errors(media.schema, JSON.parse(answer.text));
    return errors === undefined ? undefined : `${where}: ${errors}\n${answer.text.slice(0, 500)}`;
  }

  /** Every example that its schema refuses. */
  badExamples(): string[] {
    return this.operations.flatMap(({ method, path, bodies, responses }) => {
      const media = [bodies, ...Object.values(responses).map(({ content = {} }) => content)];
      return media.flatMap((each) =>
        Object.values(each).flatMap(({ schema, example }) => {
          const errors = example === undefined ? undefined : this.errors(schema, example);
          return errors === undefined ? [] : [`${method} ${path}: ${errors}`];
        }),
      );
    });
  }

  /** What is wrong with a value; undefined when nothing is. */
  errors(schema: Schema, value: unknown): string | undefined {
    const validate = this.compiled.get(schema) ?? this.ajv.compile(absolute(schema));
    this.compiled.set(schema, validate);
    return validate(value) ? undefined : this.ajv.errorsText(validate.errors);
  }
}

function operationOf(method: string, path: string, operation: Schema): Operation {
  const {
    parameters = [],
    requestBody,
    responses,
  } = operation as {
    readonly parameters?: readonly Parameter[];
    readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
    readonly responses: Readonly<Record<string, Response>>;
  };
  return {
    method: method.toUpperCase(),
    path,
    parameters,
    bodies: requestBody?.content ?? {},
    responses,
    role: String(operation['x-role']),
  };
}

/** References lead into the document from wherever the schema is compiled. */
function absolute(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#', `"$ref":"${COMPONENTS}#`)) as Schema;
}
