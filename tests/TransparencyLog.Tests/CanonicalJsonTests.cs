using System.Text.Json;
using CsCheck;

namespace Mumega.TransparencyLog.Tests;

public sealed class CanonicalJsonTests
{
    private static string Write(string json) => CanonicalJson.Write(JsonDocument.Parse(json).RootElement);

    [Fact]
    public void Keys_sort_by_UTF16_code_units_as_in_RFC_8785_section_3_2_3()
    {
        var written = Write("""{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}""");
        Assert.Equal("{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\ud83d\ude00\":5,\"\ufb33\":3}", written);
    }

    [Theory]
    [InlineData("""{ "b": [ 1, true, null ], "a": "x" }""", """{"a":"x","b":[1,true,null]}""")]
    [InlineData("\"\\u000f\\u000a\\u0041\\u0042\\u0022\\u005c\\\\\\\"\\/\"", "\"\\u000f\\nAB\\\"\\\\\\\\\\\"/\"")]
    [InlineData("9007199254740991", "9007199254740991")]
    [InlineData("-0", null)]
    [InlineData("1.5", null)]
    [InlineData("1e2", null)]
    [InlineData("9007199254740992", null)]
    [InlineData("""{"a":1,"a":2}""", null)]
    [InlineData("""["\ud800"]""", null)]
    public void A_value_has_one_form_or_is_refused(string json, string? expected)
    {
        if (expected is null) Assert.Throws<CanonicalJsonException>(() => Write(json));
        else Assert.Equal(expected, Write(json));
    }

    [Fact]
    public void Depth_is_bounded()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 6)) + string.Concat(Enumerable.Repeat("]", 6));
        Assert.Throws<CanonicalJsonException>(() => CanonicalJson.Write(JsonDocument.Parse(deep).RootElement, maxDepth: 4));
    }

    [Fact]
    public void Canonical_text_is_its_own_canonical_form_and_means_the_same() =>
        Gen.Dictionary(Gen.String[Gen.Char['\u0000', '\u07ff'], 0, 8], Gen.Long[-CanonicalJson.MaxInteger, CanonicalJson.MaxInteger]).Sample(map =>
        {
            var once = CanonicalJson.Write(JsonSerializer.SerializeToElement(map));
            var back = JsonSerializer.Deserialize<Dictionary<string, long>>(once)!;
            return Write(once) == once && back.Count == map.Count && map.All(p => back[p.Key] == p.Value);
        });

    [Fact]
    public void Hashes_are_those_of_RFC_6962()
    {
        // SHA-256(0x00), the hash of an empty entry, and SHA-256(0x01, left, right).
        Assert.Equal("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", Convert.ToHexStringLower(MerkleHash.Leaf([])));
        var leaf = MerkleHash.Leaf([]);
        var expected = System.Security.Cryptography.SHA256.HashData([1, .. leaf, .. leaf]);
        Assert.Equal(expected, MerkleHash.Node(leaf, leaf));
    }
}
