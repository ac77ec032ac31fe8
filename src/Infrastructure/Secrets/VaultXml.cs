using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.DependencyInjection;

namespace Mumega.Infrastructure.Secrets;

/// <summary>Seals the framework's own key ring, which signs cookies, with the key-encryption key.</summary>
internal sealed class VaultXmlEncryptor(Vault vault) : IXmlEncryptor
{
    internal const string Purpose = "key-ring";

    public EncryptedXmlInfo Encrypt(XElement plaintextElement) =>
        new(
            new XElement("sealed", vault.Seal(Guid.Empty, Purpose, plaintextElement.ToString(SaveOptions.DisableFormatting))),
            typeof(VaultXmlDecryptor)
        );
}

/// <summary>Made by the framework from the name that the encryptor left.</summary>
internal sealed class VaultXmlDecryptor(IServiceProvider services) : IXmlDecryptor
{
    public XElement Decrypt(XElement encryptedElement) =>
        XElement.Parse(services.GetRequiredService<Vault>().Open(Guid.Empty, VaultXmlEncryptor.Purpose, encryptedElement.Value));
}
