// TypeScript's DOM types do not include this property.
interface Document {
  readonly prerendering?: boolean;
}
