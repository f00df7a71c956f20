// What TypeScript's description of the DOM lacks.
interface Document {
  readonly prerendering?: boolean;
}
