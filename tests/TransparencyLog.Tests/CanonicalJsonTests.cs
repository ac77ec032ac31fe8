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
        if (expected is null)
            Assert.Throws<CanonicalJsonException>(() => Write(json));
        else
            Assert.Equal(expected, Write(json));
    }

    /// <summary>RFC 8785, appendix B.</summary>
    [Theory]
    [InlineData("0000000000000000", "0")]
    [InlineData("8000000000000000", "0")]
    [InlineData("0000000000000001", "5e-324")]
    [InlineData("8000000000000001", "-5e-324")]
    [InlineData("7fefffffffffffff", "1.7976931348623157e+308")]
    [InlineData("ffefffffffffffff", "-1.7976931348623157e+308")]
    [InlineData("4340000000000000", "9007199254740992")]
    [InlineData("c340000000000000", "-9007199254740992")]
    [InlineData("4430000000000000", "295147905179352830000")]
    [InlineData("7fffffffffffffff", null)]
    [InlineData("7ff0000000000000", null)]
    [InlineData("44b52d02c7e14af5", "9.999999999999997e+22")]
    [InlineData("44b52d02c7e14af6", "1e+23")]
    [InlineData("44b52d02c7e14af7", "1.0000000000000001e+23")]
    [InlineData("444b1ae4d6e2ef4e", "999999999999999700000")]
    [InlineData("444b1ae4d6e2ef4f", "999999999999999900000")]
    [InlineData("444b1ae4d6e2ef50", "1e+21")]
    [InlineData("3eb0c6f7a0b5ed8c", "9.999999999999997e-7")]
    [InlineData("3eb0c6f7a0b5ed8d", "0.000001")]
    [InlineData("41b3de4355555553", "333333333.3333332")]
    [InlineData("41b3de4355555554", "333333333.33333325")]
    [InlineData("41b3de4355555555", "333333333.3333333")]
    [InlineData("41b3de4355555556", "333333333.3333334")]
    [InlineData("41b3de4355555557", "333333333.33333343")]
    [InlineData("becbf647612f3696", "-0.0000033333333333333333")]
    [InlineData("43143ff3c1cb0959", "1424953923781206.2")]
    public void A_double_is_written_as_in_RFC_8785(string bits, string? expected)
    {
        var value = BitConverter.UInt64BitsToDouble(Convert.ToUInt64(bits, 16));
        if (expected is null)
            Assert.Throws<CanonicalJsonException>(() => CanonicalJson.Number(value));
        else
            Assert.Equal(expected, CanonicalJson.Number(value));
    }

    [Fact]
    public void The_example_of_RFC_8785_section_3_2_2_gives_its_bytes()
    {
        const string Input = """
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """;
        Assert.Equal(
            """{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}""",
            CanonicalJson.Write(JsonDocument.Parse(Input).RootElement, numbers: CanonicalNumbers.Doubles)
        );
    }

    [Fact]
    public void Every_double_reads_back_as_itself() =>
        Gen.Double.Sample(value =>
            !double.IsFinite(value) || double.Parse(CanonicalJson.Number(value), System.Globalization.CultureInfo.InvariantCulture) == value
        );

    [Fact]
    public void Depth_is_bounded()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 6)) + string.Concat(Enumerable.Repeat("]", 6));
        Assert.Throws<CanonicalJsonException>(() => CanonicalJson.Write(JsonDocument.Parse(deep).RootElement, maxDepth: 4));
    }

    [Fact]
    public void Canonical_text_is_its_own_canonical_form_and_means_the_same() =>
        Gen.Dictionary(Gen.String[Gen.Char['\u0000', '\u07ff'], 0, 8], Gen.Long[-CanonicalJson.MaxInteger, CanonicalJson.MaxInteger])
            .Sample(map =>
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
