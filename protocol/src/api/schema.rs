//! Schemas that can not be derived: bytes, numbers and the union of transactions.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{AdditionalProperties, Discriminator, ObjectBuilder, OneOfBuilder, Type},
    },
};

use super::{Decimal, forms};

/// Schemas by their names, as components of the document.
pub(super) type Components = Vec<(String, RefOr<Schema>)>;

/// Bytes: `0x` and hex digits.
#[derive(ToSchema)]
#[schema(pattern = "^0x([0-9a-fA-F]{2})*$", example = "0x6fd43e7c")]
pub(crate) struct HexBytes(#[allow(dead_code)] String);

impl PartialSchema for Decimal {
    fn schema() -> RefOr<Schema> {
        forms::Amount::schema()
    }
}

impl ToSchema for Decimal {
    fn name() -> std::borrow::Cow<'static, str> {
        forms::Amount::name()
    }
}

/// The schema of an object with the member that says which of a union's it is.
pub(super) fn tagged<T: ToSchema>(tag: &str, value: &str) -> RefOr<Schema> {
    let mut schema = T::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let kind = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([value]));
        object.properties.insert(tag.to_owned(), kind.into());
        object.required.insert(0, tag.to_owned());
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
    schema
}

/// The schema of a union whose members are components: tag's value and component's name of each.
pub(super) fn union(tag: &str, description: &str, members: &[(&str, &str)]) -> RefOr<Schema> {
    let mapping = members.iter().map(|(value, name)| (*value, format!("#/components/schemas/{name}")));
    let union = OneOfBuilder::new()
        .description(Some(description))
        .discriminator(Some(Discriminator::with_mapping(tag, mapping)));
    members.iter().fold(union, |union, (_, name)| union.item(Ref::from_schema_name(*name))).into()
}
